"""The frame around every page: navigation, notice, bare page files, and what is not loaded yet."""

from __future__ import annotations

import gc
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import streamlit as st
from streamlit import net_util
from streamlit.testing.v1 import AppTest
from streamlit.web.server.server_util import is_url_from_allowed_origins

from pages import read
from pages._parts import frame

ROOT = Path(__file__).resolve().parents[2]
NOTICE = "**Research use only.** Not for diagnosis. The software suggests; the reader decides."
PAGES = [path for path in sorted((ROOT / "pages").glob("*.py")) if path.name != "__init__.py"]


def test_the_first_page_carries_the_notice() -> None:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not app.exception
    assert NOTICE in [text.value for text in app.markdown]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_file_run_alone_goes_back_to_the_app(path: Path) -> None:
    app = AppTest.from_file(str(path), default_timeout=60).run()
    assert not app.exception
    assert NOTICE in [text.value for text in app.markdown]


def printed(before: str, after: str) -> str:
    """What a fresh Python prints that draws the first page, with some lines before it and after it."""
    script = (
        f"import sys; from streamlit.testing.v1 import AppTest\n{before}\napp = AppTest.from_file('app.py', default_timeout=60).run(); "
        f"assert not app.exception, app.exception; assert app.button; {after}"
    )
    return subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=120, check=True, text=True).stdout.strip()


def test_the_first_page_comes_up_without_what_only_a_reading_needs() -> None:
    assert printed("", "print(sorted({'torch', 'pandas', 'sqlalchemy', 'skimage', 'cv2'} & set(sys.modules)))") == "[]"


def test_the_first_page_is_drawn_before_numpy_is_loaded() -> None:
    watched = "from pages._parts import frame; frame.icon = lambda: print('numpy' in sys.modules)"
    assert printed(watched, "") == "False"


def test_nothing_is_drawn_while_a_click_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    runs: list[int] = []
    monkeypatch.setattr(read, "page", lambda: runs.append(1) or (len(runs) == 1 and st.rerun()))
    monkeypatch.setattr(frame, "icon", lambda: drawn.append(len(runs)))
    assert not AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run().exception
    assert drawn == [2]


def test_a_page_that_stops_early_has_its_icon(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    monkeypatch.setattr(read, "page", st.stop)
    monkeypatch.setattr(frame, "icon", lambda: drawn.append(frame.ICON))
    assert not AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run().exception
    assert drawn == [frame.ICON]


def test_the_settings_keep_visitors_and_figures_private() -> None:
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    assert config["browser"]["gatherUsageStats"] is False
    assert config["client"]["showErrorLinks"] is False
    assert config["server"]["enableXsrfProtection"] is True
    assert config["server"]["enableCORS"] is True
    assert config["server"]["address"] == "localhost"
    # Above what is read, so that the page itself can say that a file is too large; but with an end.
    assert 64 < config["server"]["maxUploadSize"] <= 200
    assert config["client"]["showErrorDetails"] == "none"


def test_no_page_asks_the_network_for_its_icon() -> None:
    assert Path(frame.ICON).is_file()


def test_a_page_of_another_site_is_refused_without_asking_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(net_util, "_external_ip", None)
    monkeypatch.setattr(net_util, "_make_blocking_http_get", lambda url, **_: asked.append(url))
    assert not is_url_from_allowed_origins("https://elsewhere.example")
    assert asked, "this is how Streamlit would ask"
    asked.clear()
    AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not is_url_from_allowed_origins("https://elsewhere.example")
    assert not asked


def test_what_is_loaded_for_good_is_spared_by_the_collector_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[int] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(len(sys.modules)))
    monkeypatch.setattr(frame, "_settled_at", 0)
    frame.settle()
    frame.settle()
    assert len(frozen) == 1
    monkeypatch.setitem(sys.modules, "a_module_that_came_later", sys)
    frame.settle()
    assert len(frozen) == 2
