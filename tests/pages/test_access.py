"""Sign-in: off unless set up; on, it lets in whoever has a role and nobody else."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._parts import access

ROOT = Path(__file__).resolve().parents[2]
AUTH = {"redirect_uri": "http://localhost:8501/oauth2callback", "cookie_secret": "x", "client_id": "x", "client_secret": "x",
        "server_metadata_url": "http://localhost/x"}  # fmt: skip
ROLES = {"reader": ["Ann@Example.org"], "admin": ["boss@example.org"]}
READ = "Read fields of a smear"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of the packages that are there."""
    names = {"authlib", "httpx"}
    monkeypatch.setattr(access, "find_spec", lambda name: name if name in names else None)
    return names


def visit(monkeypatch: pytest.MonkeyPatch, secrets: dict[str, Any], user: dict[str, Any] | None = None) -> AppTest:
    monkeypatch.setattr(st, "user", user or {"is_logged_in": False})
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    for key, value in secrets.items():
        app.secrets[key] = value
    return app.run()


def titles(app: AppTest) -> list[str]:
    assert not app.exception
    return [title.value for title in app.title]


def signed_in(email: Any, **claims: Any) -> dict[str, Any]:
    return {"is_logged_in": True, "email": email, **claims}


def test_it_is_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(monkeypatch, {})
    assert titles(app) == [READ]
    assert not [button for button in app.button if "Sign" in button.label]


def test_a_stranger_is_asked_to_sign_in_and_sees_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    app = visit(monkeypatch, {"auth": AUTH, "roles": ROLES})
    assert titles(app) == ["Sign in"]
    assert [button.label for button in app.button] == ["Sign in"]
    assert any("Research use only" in text.value for text in app.markdown)


@pytest.mark.parametrize("missing", ["authlib", "httpx"])
def test_without_its_packages_nobody_can_sign_in_and_the_page_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, installed: set[str], missing: str
) -> None:
    installed.remove(missing)
    app = visit(monkeypatch, {"auth": AUTH, "roles": ROLES})
    assert titles(app) == ["Sign-in is switched on, but not installed"]
    assert not app.button
    assert any("pip install -r requirements-signin.txt" in text.value for text in app.markdown)


def test_the_requirements_of_sign_in_are_all_that_streamlit_imports_for_it() -> None:
    pytest.importorskip("authlib", reason="the packages of sign-in are not installed (requirements-signin.txt)")
    from streamlit.web.server.starlette.starlette_auth_routes import _create_oauth_client

    client, _ = _create_oauth_client("default")
    assert callable(client.authorize_redirect)


@pytest.mark.parametrize("email", ["ann@example.org", " ANN@example.org ", "boss@example.org"])
def test_whoever_has_a_role_reads_and_can_sign_out(monkeypatch: pytest.MonkeyPatch, email: str) -> None:
    app = visit(monkeypatch, {"auth": AUTH, "roles": ROLES}, signed_in(email))
    assert titles(app) == [READ]
    assert "Sign out" in [button.label for button in app.button]


@pytest.mark.parametrize(
    "user",
    [signed_in("eve@example.org"), signed_in(None), signed_in(""), signed_in(5), signed_in("ann@example.org", email_verified=False)],
)
@pytest.mark.parametrize("roles", [{"roles": ROLES}, {}, {"roles": {}}, {"roles": {"reader": "ann@example.org"}}])
def test_nobody_else_does(monkeypatch: pytest.MonkeyPatch, user: dict[str, Any], roles: dict[str, Any]) -> None:
    app = visit(monkeypatch, {"auth": AUTH, **roles}, user)
    assert titles(app) == ["This account may not read here"]
    assert not app.file_uploader


def test_a_file_of_secrets_that_cannot_be_read_lets_nobody_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text("[auth\n")
    usual = st.get_option
    monkeypatch.setattr(st, "get_option", lambda key: [str(tmp_path / "secrets.toml")] if key == "secrets.files" else usual(key))

    class Unreadable(dict[str, Any]):
        def __contains__(self, key: object) -> bool:
            raise access.StreamlitSecretNotFoundError("SecretsFileParseFailed")

    monkeypatch.setattr(access, "_secrets", Unreadable)
    app = visit(monkeypatch, {})
    assert titles(app) == ["The settings of the sign-in cannot be read"]
    assert not app.file_uploader


@pytest.mark.parametrize(("email", "role"), [("ann@example.org", "reader"), ("boss@example.org", "admin"), ("eve@example.org", None)])
def test_roles_come_from_the_lists(monkeypatch: pytest.MonkeyPatch, email: str, role: str | None) -> None:
    monkeypatch.setattr(st, "user", signed_in(email))
    monkeypatch.setattr(access, "_secrets", lambda: {"auth": AUTH, "roles": ROLES})
    assert access.role() == role
    assert access.account() == email


def test_where_sign_in_is_off_the_visitor_may_do_all_and_has_no_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "_secrets", dict)
    assert access.role() == "admin"
    assert access.account() is None


def test_the_example_has_no_secret_and_git_ignores_the_real_file() -> None:
    example = tomllib.loads((ROOT / ".streamlit" / "secrets.toml.example").read_text(encoding="utf-8"))
    assert {"auth", "roles"} <= set(example)
    assert not any(example["auth"][key] for key in ("cookie_secret", "client_id", "client_secret"))
    assert ".streamlit/secrets.toml" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
