//! What attributes and property sets are called in the entries of a descriptor: the part of Active
//! Directory's schema that this domain has.

use std::collections::HashMap;
use std::sync::LazyLock;

use directory::ObjectGuid;
use directory::security::Property;

/// "General Information".
pub(crate) const GENERAL: ObjectGuid = guid(0x59ba2f42_79a2_11d0_9020_00c04fc2d3cf);
/// "Public Information".
pub(crate) const PUBLIC: ObjectGuid = guid(0xe48d0154_bcf8_11d1_8702_00c04fb96050);
/// "Personal Information".
pub(crate) const PERSONAL: ObjectGuid = guid(0x77b5b886_944a_11d1_aebd_0000f80367c1);
/// "Account Restrictions".
const RESTRICTIONS: ObjectGuid = guid(0x4c164200_20c0_11d0_a768_00aa006e0529);
/// "Logon Information".
const LOGON: ObjectGuid = guid(0x5f202010_79a5_11d0_9020_00c04fc2d4cf);
/// "Group Membership".
const MEMBERSHIP: ObjectGuid = guid(0xbc0ac240_79a9_11d0_9020_00c04fc2d4cf);
/// "Remote Access Information".
const REMOTE_ACCESS: ObjectGuid = guid(0x037088f8_0ae1_11d2_b422_00a0c968f939);
/// "Domain Password & Lockout Policies".
const DOMAIN_PASSWORD: ObjectGuid = guid(0xc7407360_20bf_11d0_a768_00aa006e0529);
/// "DNS Host Name Attributes".
const DNS_HOST_NAME: ObjectGuid = guid(0x72e39547_7b18_11d1_adef_00c04fd8d5cd);
/// "Web Information", of which nothing is stored here.
pub(crate) const WEB: ObjectGuid = guid(0xe45795b3_9455_11d1_aebd_0000f80367c1);

/// Attributes by `lDAPDisplayName`, with their `schemaIDGUID`.
type Attributes = &'static [(&'static str, u128)];

/// Property sets (MS-ADTS 5.1.3.3.1), and the attributes in them (MS-ADA1 to MS-ADA3); last those that are in none.
const ATTRIBUTES: &[(Option<ObjectGuid>, Attributes)] = &[
    (
        Some(GENERAL),
        &[
            ("displayName", 0xbf967953_0de6_11d0_a285_00aa003049e2),
            ("objectSid", 0xbf9679e8_0de6_11d0_a285_00aa003049e2),
            ("primaryGroupID", 0xbf967a00_0de6_11d0_a285_00aa003049e2),
            ("sAMAccountName", 0x3e0abfd0_126a_11d0_a060_00aa006c33ed),
            ("sIDHistory", 0x17eb4278_d167_11d0_b002_0000f80367c1),
        ],
    ),
    (
        Some(PUBLIC),
        &[
            ("allowedAttributesEffective", 0x9a7ad941_ca53_11d1_bbd0_0080c76670c0),
            ("cn", 0xbf96793f_0de6_11d0_a285_00aa003049e2),
            ("department", 0xbf96794f_0de6_11d0_a285_00aa003049e2),
            ("description", 0xbf967950_0de6_11d0_a285_00aa003049e2),
            ("distinguishedName", 0xbf9679e4_0de6_11d0_a285_00aa003049e2),
            ("givenName", 0xf0f8ff8e_1191_11d0_a060_00aa006c33ed),
            ("mail", 0xbf967961_0de6_11d0_a285_00aa003049e2),
            ("name", 0xbf967a0e_0de6_11d0_a285_00aa003049e2),
            ("objectCategory", 0x26d97369_6070_11d1_a9c6_0000f80367c1),
            ("objectClass", 0xbf9679e5_0de6_11d0_a285_00aa003049e2),
            ("objectGUID", 0xbf9679e7_0de6_11d0_a285_00aa003049e2),
            ("otherMailbox", 0x0296c123_40da_11d1_a9c0_0000f80367c1),
            ("proxyAddresses", 0xbf967a06_0de6_11d0_a285_00aa003049e2),
            ("sn", 0xbf967a41_0de6_11d0_a285_00aa003049e2),
            ("title", 0xbf967a55_0de6_11d0_a285_00aa003049e2),
            ("userPrincipalName", 0x28630ebb_41d5_11d1_a9c1_0000f80367c1),
        ],
    ),
    (
        Some(PERSONAL),
        &[
            ("mobile", 0xf0f8ffa3_1191_11d0_a060_00aa006c33ed),
            ("telephoneNumber", 0xbf967a49_0de6_11d0_a285_00aa003049e2),
        ],
    ),
    (
        Some(RESTRICTIONS),
        &[
            ("accountExpires", 0xbf967915_0de6_11d0_a285_00aa003049e2),
            ("msDS-User-Account-Control-Computed", 0x2cc4b836_b63f_4940_8d23_ea7acf06af56),
            ("pwdLastSet", 0xbf967a0a_0de6_11d0_a285_00aa003049e2),
            ("userAccountControl", 0xbf967a68_0de6_11d0_a285_00aa003049e2),
        ],
    ),
    (
        Some(LOGON),
        &[
            ("badPwdCount", 0xbf96792e_0de6_11d0_a285_00aa003049e2),
            ("lastLogon", 0xbf967997_0de6_11d0_a285_00aa003049e2),
            ("logonHours", 0xbf9679ab_0de6_11d0_a285_00aa003049e2),
            ("userWorkstations", 0xbf9679d7_0de6_11d0_a285_00aa003049e2),
        ],
    ),
    (
        Some(MEMBERSHIP),
        &[
            ("member", 0xbf9679c0_0de6_11d0_a285_00aa003049e2),
            ("memberOf", 0xbf967991_0de6_11d0_a285_00aa003049e2),
        ],
    ),
    (Some(REMOTE_ACCESS), &[("tokenGroups", 0xb7c69e6d_2cc7_11d2_854e_00a0c983f608)]),
    (
        Some(DOMAIN_PASSWORD),
        &[
            ("lockoutDuration", 0xbf9679a5_0de6_11d0_a285_00aa003049e2),
            ("lockOutObservationWindow", 0xbf9679a4_0de6_11d0_a285_00aa003049e2),
            ("lockoutThreshold", 0xbf9679a6_0de6_11d0_a285_00aa003049e2),
            ("maxPwdAge", 0xbf9679bb_0de6_11d0_a285_00aa003049e2),
            ("minPwdAge", 0xbf9679c2_0de6_11d0_a285_00aa003049e2),
            ("minPwdLength", 0xbf9679c3_0de6_11d0_a285_00aa003049e2),
            ("pwdHistoryLength", 0xbf967a09_0de6_11d0_a285_00aa003049e2),
            ("pwdProperties", 0xbf967a0b_0de6_11d0_a285_00aa003049e2),
        ],
    ),
    (Some(DNS_HOST_NAME), &[("dNSHostName", 0x72e39547_7b18_11d1_adef_00c04fd8d5cd)]),
    (
        None,
        &[
            ("adminCount", 0xbf967918_0de6_11d0_a285_00aa003049e2),
            ("badPasswordTime", 0xbf96792d_0de6_11d0_a285_00aa003049e2),
            ("dc", 0x19195a55_6da0_11d0_afd3_00c04fd930c9),
            ("employeeID", 0xbf967962_0de6_11d0_a285_00aa003049e2),
            ("fSMORoleOwner", 0x66171887_8f3c_11d0_afda_00c04fd930c9),
            ("groupType", 0x9a9a021e_4a5b_11d1_a9c3_0000f80367c1),
            ("invocationId", 0xbf96798e_0de6_11d0_a285_00aa003049e2),
            ("isCriticalSystemObject", 0x00fbf30d_91fe_11d1_aebc_0000f80367c1),
            ("isDeleted", 0xbf96798f_0de6_11d0_a285_00aa003049e2),
            ("lockoutTime", 0x28630ebf_41d5_11d1_a9c1_0000f80367c1),
            ("mS-DS-ConsistencyGuid", 0x23773dc2_b63a_11d2_90e1_00c04fd91ab1),
            ("msDS-LockoutDuration", 0x421f889a_472e_4fe4_8eb9_e1d0bc6071b2),
            ("msDS-LockoutObservationWindow", 0xb05bda89_76af_468a_b892_1be55558ecc8),
            ("msDS-LockoutThreshold", 0xb8c8c35e_4a19_4a95_99d0_69fe4446286f),
            ("msDS-MaximumPasswordAge", 0xfdd337f5_4999_4fce_b252_8ff9c9b43875),
            ("msDS-MinimumPasswordAge", 0x2a74f878_4d9c_49f9_97b3_6767d1cbd9a3),
            ("msDS-MinimumPasswordLength", 0xb21b3439_4c3a_441c_bb5f_08f20e9b315e),
            ("msDS-PasswordComplexityEnabled", 0xdb68054b_c9c3_4bf0_b15b_0fb52552a610),
            ("msDS-PasswordHistoryLength", 0xfed81bb7_768c_4c2f_9641_2245de34794d),
            ("msDS-PasswordReversibleEncryptionEnabled", 0x75ccdd8f_af6c_4487_bb4b_69e4d38a959c),
            ("msDS-PasswordSettingsPrecedence", 0x456374ac_1f0a_4617_93cf_bc55a7c9d341),
            ("msDS-PSOAppliesTo", 0x64c80f48_cdd2_4881_a86d_4e97b6f561fc),
            ("msDS-ResultantPSO", 0xb77ea093_88d0_4780_9a98_911f8e8b1dca),
            ("preferredLanguage", 0x856be0d0_18e7_46e1_8f5f_7ee4d9020e0d),
            ("replPropertyMetaData", 0x281416c0_1968_11d0_a28f_00aa003049e2),
            ("uSNChanged", 0xbf967a6f_0de6_11d0_a285_00aa003049e2),
            ("uSNCreated", 0xbf967a70_0de6_11d0_a285_00aa003049e2),
            ("whenChanged", 0xbf967a77_0de6_11d0_a285_00aa003049e2),
            ("whenCreated", 0xbf967a78_0de6_11d0_a285_00aa003049e2),
        ],
    ),
];

static PROPERTIES: LazyLock<HashMap<String, Property>> =
    LazyLock::new(|| properties().map(|(name, one)| (name.to_ascii_lowercase(), one)).collect());

/// The attributes that this domain knows, by `lDAPDisplayName`, as entries of a descriptor name them.
pub fn properties() -> impl Iterator<Item = (&'static str, Property)> {
    ATTRIBUTES.iter().flat_map(|(set, attributes)| {
        let property = |id| Property { attribute: guid(id), set: *set };
        attributes.iter().map(move |(name, id)| (*name, property(*id)))
    })
}

/// How entries name the attribute of that name, in lower case; none of one that the domain does not know.
pub(crate) fn property(name: &str) -> Option<Property> {
    PROPERTIES.get(name).copied()
}

/// A GUID by the digits of its text.
pub(crate) const fn guid(text: u128) -> ObjectGuid {
    let [a, b, c, d, e, f, g, h, rest @ ..] = text.to_be_bytes();
    // The first three parts are stored the least significant byte first (MS-DTYP 2.3.4.2).
    let [i, j, k, l, m, n, o, p] = rest;
    ObjectGuid::from_bytes([d, c, b, a, f, e, h, g, i, j, k, l, m, n, o, p])
}

#[cfg(test)]
mod tests {
    use directory::security::rights::Judged;

    use super::*;

    #[test]
    fn what_the_agent_judges_by_is_named_as_the_agent_names_it() {
        for judged in Judged::ALL {
            let name = judged.name().to_ascii_lowercase();
            assert_eq!(property(&name), Some(judged.property()), "{name}");
        }
    }

    #[test]
    fn no_attribute_is_there_twice() {
        assert_eq!(PROPERTIES.len(), properties().count());
        let ids: std::collections::HashSet<_> =
            properties().map(|(_, one)| one.attribute).collect();
        assert_eq!(ids.len(), PROPERTIES.len());
    }
}
