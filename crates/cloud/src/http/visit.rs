//! One request to a page: whose pages, in which language, from where, in which flow.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::response::Response;
use protocol::{Outcome, Timestamp};
use serde::Deserialize;
use store::StoreError;
use store::flows::{Flow, Known};
use store::sweep::KEPT_FLOW;
use store::tenants::Tenant;

use crate::app::App;
use crate::connection::Remote;
use crate::flow::{self, Cleared, Step};
use crate::http::cookies::{self, FlowCookie};
use crate::http::view;
use crate::locale::Locale;
use crate::support;

/// A request to one of a tenant's pages.
pub(super) struct Visit {
    pub(super) app: Arc<App>,
    pub(super) tenant: Tenant,
    pub(super) locale: Locale,
    /// The language was chosen by this very request, and is to be remembered.
    pub(super) language_chosen: bool,
    pub(super) address: Option<IpAddr>,
    pub(super) now: Timestamp,
    /// What the page that answered the last posting told: a sentence of the page that is asked for
    /// now. Postings are answered with a redirect, so that nothing is posted again by reloading.
    told: Option<String>,
    headers: HeaderMap,
}

#[derive(Deserialize, Default)]
struct Asked {
    lang: Option<String>,
    told: Option<String>,
}

impl FromRequestParts<Arc<App>> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let headers = parts.headers.clone();
        let slug = Path::<String>::from_request_parts(parts, app).await.ok().map(|path| path.0);
        let asked = Query::<Asked>::try_from_uri(&parts.uri).map(|query| query.0);
        let asked = asked.unwrap_or_default();
        let chosen = asked.lang.as_deref().and_then(Locale::from_tag);
        let language_chosen = chosen.is_some();
        let locale = chosen.unwrap_or_else(|| locale(&headers));
        let tenant = match slug {
            Some(slug) => app.store.tenant_by_slug(&slug).await,
            None => Ok(None),
        };
        match tenant {
            Ok(Some(tenant)) => Ok(Self {
                app: Arc::clone(app),
                tenant,
                locale,
                language_chosen,
                address: parts.extensions.get::<Remote>().map(|remote| remote.0.ip()),
                now: app.now(),
                told: asked.told,
                headers,
            }),
            Ok(None) => Err(view::no_such_page(&locale)),
            Err(error) => Err(view::fault(&locale, "", &error)),
        }
    }
}

/// Why a posted step is not taken.
pub(super) enum NotTaken {
    /// There is no flow, or it has expired.
    Expired,
    /// The page belongs to an older flow of the same browser.
    Replaced,
    /// The flow has ended with a password that was set, here or in another visit; the result page says so.
    /// A form that was posted twice must not be told that nothing was changed.
    Ended(Flow),
}

impl NotTaken {
    /// What the browser sees.
    pub(super) fn page(self, visit: &Visit) -> Response {
        match self {
            Self::Expired => view::not_taken(visit, Outcome::FlowExpired),
            Self::Replaced => view::not_taken(visit, Outcome::FlowReplaced),
            Self::Ended(_) => visit.see("result", Some(ENDED)),
        }
    }
}

/// What is told of a step that was posted when the visit had ended: it did nothing.
pub(super) const ENDED: &str = "ended";

/// Where a visit stands.
pub(super) enum Standing {
    /// There is no flow, or it has expired.
    None,
    /// A step of the flow is to be done, by what is known.
    Open(Flow, Step, Box<Known>),
    /// The flow ended with a password that was set, here or meanwhile in another visit.
    Ended(Flow),
}

impl Visit {
    /// The path of the start page.
    pub(super) fn base(&self) -> String {
        format!("/t/{}/reset", self.tenant.slug)
    }

    /// Leads to a page of this visit, and to what it should tell there.
    pub(super) fn see(&self, step: &str, told: Option<&str>) -> Response {
        let told = told.map(|told| format!("?told={told}")).unwrap_or_default();
        let slash = if step.is_empty() { "" } else { "/" };
        view::see_other(&format!("{}{slash}{step}{told}", self.base()))
    }

    /// What this page should tell, if that is one of those.
    pub(super) fn told<'a>(&self, one_of: &[&'a str]) -> Option<&'a str> {
        let told = self.told.as_deref()?;
        one_of.iter().copied().find(|one| *one == told)
    }

    /// The flow of this browser.
    pub(super) async fn standing(&self) -> Result<Standing, StoreError> {
        let Some(cookie) = FlowCookie::of(&self.headers) else { return Ok(Standing::None) };
        let store = &self.app.store;
        let found = store.known_flow(self.tenant.id, cookie.bytes(), self.now).await?;
        let Some((flow, known)) = found else { return Ok(Standing::None) };
        if flow.ended {
            return Ok(Standing::Ended(flow));
        }
        let step = flow::next(&self.app.gates, &known.facts, self.now);
        Ok(Standing::Open(flow, step, Box::new(known)))
    }

    /// The flow for a posted step. `handle` is the hidden field of the page, if it was sent: a
    /// page of an older flow of the same browser counts for nothing.
    pub(super) async fn posted(
        &self,
        handle: Option<&str>,
    ) -> Result<Result<(Flow, Step, Known), NotTaken>, StoreError> {
        let older = |flow: &Flow| handle.is_some_and(|one| one != support::handle(flow));
        Ok(match self.standing().await? {
            Standing::None => Err(NotTaken::Expired),
            Standing::Open(flow, ..) | Standing::Ended(flow) if older(&flow) => {
                Err(NotTaken::Replaced)
            }
            Standing::Open(flow, step, known) => Ok((flow, step, *known)),
            Standing::Ended(flow) => Err(NotTaken::Ended(flow)),
        })
    }

    /// The flow of this browser whose operation may be looked at, although the flow itself may have
    /// expired meanwhile.
    pub(super) async fn looked_at(&self) -> Result<Option<Flow>, StoreError> {
        let Some(cookie) = FlowCookie::of(&self.headers) else { return Ok(None) };
        let after = self.now.before(KEPT_FLOW);
        self.app.store.flow(self.tenant.id, cookie.bytes(), after).await
    }

    /// The proof that all gates of the flow were passed, if they were.
    pub(super) fn clear(&self, flow: &Flow, known: Known) -> Option<Cleared> {
        flow::clear(&self.app.gates, flow, known.person, &known.facts, self.now)
    }
}

/// The language of a request: chosen before on a page, else what the browser asks for.
pub(super) fn locale(headers: &HeaderMap) -> Locale {
    let remembered = cookies::language(headers).as_deref().and_then(Locale::from_tag);
    remembered.unwrap_or_else(|| {
        let asked = headers.get(ACCEPT_LANGUAGE).and_then(|header| header.to_str().ok());
        Locale::from_accept_language(asked.unwrap_or(""))
    })
}
