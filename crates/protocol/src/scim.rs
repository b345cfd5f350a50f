//! The SCIM 2.0 (RFC 7643) user as the agent exports it, with the extension schema of our own
//! (SPEC Y-6). No password and no hash travels here.

use serde::{Deserialize, Serialize};

use crate::{CloudAnchor, PasswordPolicy, SourceAnchor, Timestamp};

/// RFC 7643, 4.1.
pub const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Passback's extension of the user (INTERFACES "Agent's HTTPS routes on the cloud").
pub const EXTENSION_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:passback:2.0:User";
/// RFC 7644, 3.4.2.
pub const LIST_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// RFC 7644, 3.12.
pub const ERROR_SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// RFC 7644, 3.1.
pub const MEDIA_TYPE: &str = "application/scim+json";

/// A user resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The schemas that the resource uses.
    pub schemas: Vec<String>,
    /// The cloudAnchor; given by the cloud, so absent in a `POST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<CloudAnchor>,
    /// The sourceAnchor.
    pub external_id: SourceAnchor,
    /// The name that the person signs in with.
    pub user_name: String,
    /// What the person is called.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub display_name: String,
    /// Whether the account may sign in.
    pub active: bool,
    /// Addresses that a code may be sent to, the primary one first.
    #[serde(default)]
    pub emails: Vec<Email>,
    /// The extension.
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:passback:2.0:User")]
    pub passback: Extension,
}

/// An address of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email {
    /// The address.
    pub value: String,
    /// Whether it is the first choice.
    #[serde(default)]
    pub primary: bool,
}

/// Where the password is verified at a sign-in (SPEC 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AccountKind {
    /// By the agent, against AD.
    PassThrough,
}

/// What Passback adds to a SCIM user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Extension {
    /// The same as `id`, under the name of SPEC W-7.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_anchor: Option<CloudAnchor>,
    /// The same as `externalId`, under the name of SPEC Y-3.
    pub source_anchor: SourceAnchor,
    /// Where the password is verified.
    pub account_kind: AccountKind,
    /// When the password was last set; absent when it must be changed at the next sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pwd_last_set: Option<Timestamp>,
    /// The effective policy, for the page to show.
    pub policy: PolicyReference,
}

/// An effective policy with the name by which it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyReference {
    /// Which policy it is: `domain`, or the name of a fine-grained one.
    pub reference: String,
    /// Its rules; absent where the service account may not read them, and the page then says that
    /// the rules are not known, never wrong ones (SPEC D-12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<PasswordPolicy>,
}
