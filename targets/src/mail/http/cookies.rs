//! The cookies that the webmail sets.

use axum::response::AppendHeaders;
use http::HeaderName;
use http::header::SET_COOKIE;

type SetCookie = AppendHeaders<[(HeaderName, String); 1]>;

/// Sets a cookie that scripts cannot read and other sites' forms do not send; over TLS only if `secure`.
pub(super) fn set(name: &str, value: &str, secure: bool) -> SetCookie {
    let secure = if secure { "; Secure" } else { "" };
    AppendHeaders([(
        SET_COOKIE,
        format!("{name}={value}; HttpOnly; SameSite=Lax; Path=/{secure}"),
    )])
}

/// Makes the browser forget the cookie.
pub(super) fn clear(name: &str, secure: bool) -> SetCookie {
    let AppendHeaders([(header, cookie)]) = set(name, "", secure);
    AppendHeaders([(header, format!("{cookie}; Max-Age=0"))])
}
