"""Who may use the app: everybody on this computer, or, where sign-in is set up, whoever has a role.

Sign-in is Streamlit's own, by OpenID Connect, and off until ``.streamlit/secrets.toml`` has a part ``[auth]``; see
``.streamlit/secrets.toml.example``. Once it is on, an account without a role sees nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

Role = Literal["reader", "admin"]

ROLES: Final[tuple[Role, ...]] = ("admin", "reader")
"""Roles, the one that may do more first: an admin may do all that a reader may."""


_NEEDED: Final = ("authlib", "httpx")
"""What Streamlit's sign-in imports only once somebody signs in."""


class _UnreadableSettingsError(Exception):
    """There is a file of secrets, but it cannot be read: nobody is let in by a slip of the pen."""


def admitted() -> bool:
    """Whether the page may be drawn; draws the way to sign in, or the reason, where it may not."""
    try:
        if not _switched_on():
            return True
    except _UnreadableSettingsError:
        _say("The settings of the sign-in cannot be read", "Whoever runs this server must mend its file of secrets first.")
        return False
    if not st.user.get("is_logged_in"):
        _sign_in()
        return False
    if role() is None:
        _say("This account may not read here", "It has no role. Ask whoever runs this server to add it to the readers.")
        st.button("Sign out", on_click=st.logout)
        return False
    with st.bottom.container(horizontal=True, horizontal_alignment="center"):
        st.markdown(f"Signed in as `{account()}`.")
        st.button("Sign out", type="tertiary", on_click=st.logout)
    return True


def role() -> Role | None:
    """What the visitor may do: ``admin`` where sign-in is off, None where she has no role."""
    if not _switched_on():
        return "admin"
    roles, name = _secrets().get("roles"), account()
    if not isinstance(roles, Mapping) or name is None:
        return None
    return next((each for each in ROLES if name in _listed(roles.get(each))), None)


def account() -> str | None:
    """The visitor's e-mail address in lower case; None where sign-in is off, or the address is missing or not verified."""
    if not _switched_on() or not st.user.get("is_logged_in") or st.user.get("email_verified") is False:
        return None
    email = st.user.get("email")
    return email.strip().casefold() if isinstance(email, str) and email.strip() else None


def _listed(names: Any) -> set[str]:
    return {str(name).strip().casefold() for name in names} if isinstance(names, (list, tuple)) else set()


def _secrets() -> Mapping[str, Any]:
    return st.secrets


def _switched_on() -> bool:
    try:
        return "auth" in _secrets()
    except StreamlitSecretNotFoundError as error:
        if any(Path(each).exists() for each in st.get_option("secrets.files") or []):
            raise _UnreadableSettingsError from error
        return False


def _sign_in() -> None:
    if any(find_spec(name) is None for name in _NEEDED):
        how = "Whoever runs this server must run `pip install -r requirements-signin.txt` and start it again."
        _say("Sign-in is switched on, but not installed", how)
        return
    _say("Sign in", "This server reads fields for people who are known to it.")
    st.button("Sign in", type="primary", on_click=st.login)


def _say(title: str, text: str) -> None:
    st.title(title, anchor=False)
    st.markdown(text)
