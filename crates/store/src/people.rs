//! People, as the agents export them by SCIM.

use protocol::scim::User;
use protocol::{CloudAnchor, SourceAnchor, TenantId, Timestamp};

use crate::flows::Flow;
use crate::row::Typed;
use crate::{Store, StoreError, failed};

/// A person of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The cloudAnchor.
    pub id: CloudAnchor,
    /// Whose person it is.
    pub tenant: TenantId,
    /// The resource as it was exported, with its id.
    pub resource: User,
    /// Rises with every change; the ETag.
    pub version: i64,
}

/// How an insertion or replacement of a person ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is stored.
    Done,
    /// The sourceAnchor or the userName belongs to somebody else of the tenant (RFC 7644, 3.3).
    Conflict,
    /// There is no such person.
    NotFound,
}

impl Store {
    /// Adds a person.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn add_person(&self, person: &Person, now: Timestamp) -> Result<Written, StoreError> {
        let user = &person.resource;
        let added = sqlx::query(
            "INSERT INTO person (id, tenant, source_anchor, user_name, user_name_folded, resource,
                 version, created_at, changed_at)
             VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7) ON CONFLICT DO NOTHING",
        )
        .bind(person.id.as_str())
        .bind(person.tenant.to_bytes().to_vec())
        .bind(user.external_id.as_str())
        .bind(&user.user_name)
        .bind(folded(&user.user_name))
        .bind(encoded(user)?)
        .bind(now.as_millis())
        .execute(&self.pool)
        .await
        .map_err(failed("add a person"))?;
        Ok(if added.rows_affected() == 1 { Written::Done } else { Written::Conflict })
    }

    /// Replaces what is known of a person.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn replace_person(
        &self,
        tenant: TenantId,
        id: &CloudAnchor,
        user: &User,
        now: Timestamp,
    ) -> Result<Written, StoreError> {
        let replaced = sqlx::query(
            "UPDATE person SET user_name = $1, user_name_folded = $2, resource = $3,
                 version = version + 1, changed_at = $4
             WHERE id = $5 AND tenant = $6 AND source_anchor = $7 AND NOT EXISTS (
                 SELECT 1 FROM person other WHERE other.tenant = $6
                     AND other.user_name_folded = $2 AND other.id <> $5)",
        )
        .bind(&user.user_name)
        .bind(folded(&user.user_name))
        .bind(encoded(user)?)
        .bind(now.as_millis())
        .bind(id.as_str())
        .bind(tenant.to_bytes().to_vec())
        .bind(user.external_id.as_str())
        .execute(&self.pool)
        .await
        .map_err(failed("replace a person"))?;
        if replaced.rows_affected() == 1 {
            return Ok(Written::Done);
        }
        let there = self.person(tenant, id).await?.is_some();
        Ok(if there { Written::Conflict } else { Written::NotFound })
    }

    /// Removes a person. False if there is none with this id.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn remove_person(
        &self,
        tenant: TenantId,
        id: &CloudAnchor,
    ) -> Result<bool, StoreError> {
        let removed = sqlx::query("DELETE FROM person WHERE id = $1 AND tenant = $2")
            .bind(id.as_str())
            .bind(tenant.to_bytes().to_vec())
            .execute(&self.pool)
            .await
            .map_err(failed("remove a person"))?;
        Ok(removed.rows_affected() == 1)
    }

    /// The person with this cloudAnchor.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn person(
        &self,
        tenant: TenantId,
        id: &CloudAnchor,
    ) -> Result<Option<Person>, StoreError> {
        let row = sqlx::query("SELECT * FROM person WHERE id = $1 AND tenant = $2")
            .bind(id.as_str())
            .bind(tenant.to_bytes().to_vec())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find a person"))?;
        row.as_ref().map(|row| person(&Typed::new(row, "person"))).transpose()
    }

    /// The person who signs in with this name, whatever its case.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn person_by_name(
        &self,
        tenant: TenantId,
        name: &str,
    ) -> Result<Option<Person>, StoreError> {
        let row = sqlx::query("SELECT * FROM person WHERE tenant = $1 AND user_name_folded = $2")
            .bind(tenant.to_bytes().to_vec())
            .bind(folded(name))
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find a person"))?;
        row.as_ref().map(|row| person(&Typed::new(row, "person"))).transpose()
    }

    /// The person with this sourceAnchor.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn person_by_source_anchor(
        &self,
        tenant: TenantId,
        anchor: &SourceAnchor,
    ) -> Result<Option<Person>, StoreError> {
        let row = sqlx::query("SELECT * FROM person WHERE tenant = $1 AND source_anchor = $2")
            .bind(tenant.to_bytes().to_vec())
            .bind(anchor.as_str())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find a person"))?;
        row.as_ref().map(|row| person(&Typed::new(row, "person"))).transpose()
    }

    /// A page of a tenant's people in the order of their ids, and how many there are.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn people(
        &self,
        tenant: TenantId,
        skip: u32,
        most: u32,
    ) -> Result<(Vec<Person>, i64), StoreError> {
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM person WHERE tenant = $1")
            .bind(tenant.to_bytes().to_vec())
            .fetch_one(&self.pool)
            .await
            .map_err(failed("count the people"))?;
        let rows =
            sqlx::query("SELECT * FROM person WHERE tenant = $1 ORDER BY id LIMIT $2 OFFSET $3")
                .bind(tenant.to_bytes().to_vec())
                .bind(i64::from(most))
                .bind(i64::from(skip))
                .fetch_all(&self.pool)
                .await
                .map_err(failed("list the people"))?;
        let people = rows.iter().map(|row| person(&Typed::new(row, "person")));
        Ok((people.collect::<Result<_, _>>()?, count))
    }
}

/// Names are compared without regard to case, as AD does.
fn folded(name: &str) -> String {
    name.to_lowercase()
}

fn encoded(user: &User) -> Result<String, StoreError> {
    serde_json::to_string(user).map_err(|_| StoreError::Unreadable("person"))
}

/// The person of a flow, from a row that holds `person_resource` and `person_version` beside it; none if
/// there is none with that id any more.
pub(crate) fn of_flow(flow: &Flow, row: &Typed<'_>) -> Result<Option<Person>, StoreError> {
    let (Some(id), Some(resource)) = (&flow.person, row.optional_text("person_resource")?) else {
        return Ok(None);
    };
    let resource = serde_json::from_str(&resource).map_err(|_| row.unreadable())?;
    let version = row.number("person_version")?;
    Ok(Some(Person { id: id.clone(), tenant: flow.tenant, resource, version }))
}

fn person(row: &Typed<'_>) -> Result<Person, StoreError> {
    Ok(Person {
        id: row.parsed("id")?,
        tenant: TenantId::from_bytes(row.bytes16("tenant")?),
        resource: serde_json::from_str(&row.text("resource")?).map_err(|_| row.unreadable())?,
        version: row.number("version")?,
    })
}

#[cfg(test)]
mod tests {
    use protocol::scim::{AccountKind, EXTENSION_SCHEMA, Extension, PolicyReference, USER_SCHEMA};

    use super::*;
    use crate::flows::FlowId;
    use crate::tenants::Tenant;
    use crate::testing::{NOW, Temporary};

    fn user(anchor: &str, name: &str) -> User {
        User {
            schemas: vec![USER_SCHEMA.into(), EXTENSION_SCHEMA.into()],
            id: None,
            external_id: anchor.parse().unwrap(),
            user_name: name.into(),
            display_name: "Someone".into(),
            active: true,
            emails: vec![],
            passback: Extension {
                cloud_anchor: None,
                source_anchor: anchor.parse().unwrap(),
                account_kind: AccountKind::PassThrough,
                pwd_last_set: None,
                policy: PolicyReference { reference: "domain".into(), rules: None },
            },
        }
    }

    async fn add(world: &Temporary, id: &str, resource: User) -> Written {
        let tenant = TenantId::from_bytes([1; 16]);
        let person = Person { id: id.parse().unwrap(), tenant, resource, version: 1 };
        world.store.add_person(&person, NOW).await.unwrap()
    }

    #[tokio::test]
    async fn a_name_is_found_whatever_its_case_and_belongs_to_one_person() {
        let world = Temporary::new().await;
        let tenant = TenantId::from_bytes([1; 16]);
        let of = Tenant { id: tenant, slug: "t".into(), name: "T".into() };
        world.store.create_tenant(&of, NOW).await.unwrap();
        assert_eq!(add(&world, "1", user("a", "Anna@corp.test")).await, Written::Done);
        assert_eq!(add(&world, "2", user("b", "anna@CORP.test")).await, Written::Conflict);
        assert_eq!(add(&world, "2", user("b", "bob@corp.test")).await, Written::Done);
        let found = world.store.person_by_name(tenant, "ANNA@corp.TEST").await.unwrap().unwrap();
        assert_eq!(found.id.as_str(), "1");

        let bob = "2".parse().unwrap();
        let taken = user("b", "ANNA@corp.test");
        let written = world.store.replace_person(tenant, &bob, &taken, NOW).await.unwrap();
        assert_eq!(written, Written::Conflict);
        let renamed = user("b", "robert@corp.test");
        let written = world.store.replace_person(tenant, &bob, &renamed, NOW).await.unwrap();
        assert_eq!(written, Written::Done);
        let found = world.store.person(tenant, &bob).await.unwrap().unwrap();
        assert_eq!((found.version, found.resource.user_name.as_str()), (2, "robert@corp.test"));

        let nobody = "3".parse().unwrap();
        let written = world.store.replace_person(tenant, &nobody, &renamed, NOW).await.unwrap();
        assert_eq!(written, Written::NotFound);
        assert!(world.store.remove_person(tenant, &bob).await.unwrap());
        assert_eq!(world.store.people(tenant, 0, 10).await.unwrap().1, 1);
    }

    #[tokio::test]
    async fn another_tenant_sees_nobody() {
        let world = Temporary::new().await;
        for number in [1, 2] {
            let id = TenantId::from_bytes([number; 16]);
            let tenant = Tenant { id, slug: number.to_string(), name: "T".into() };
            world.store.create_tenant(&tenant, NOW).await.unwrap();
        }
        add(&world, "1", user("a", "anna@corp.test")).await;
        let other = TenantId::from_bytes([2; 16]);
        let store = &world.store;
        assert_eq!(store.person_by_name(other, "anna@corp.test").await.unwrap(), None);
        assert_eq!(store.person(other, &"1".parse().unwrap()).await.unwrap(), None);
        assert!(!store.remove_person(other, &"1".parse().unwrap()).await.unwrap());
    }

    #[tokio::test]
    async fn a_flow_is_known_with_its_person_as_they_are_and_of_its_own_tenant_only() {
        let world = Temporary::new().await;
        let [tenant, other] = [1, 2].map(|number| TenantId::from_bytes([number; 16]));
        for (id, slug) in [(tenant, "t"), (other, "u")] {
            let of = Tenant { id, slug: slug.into(), name: "T".into() };
            world.store.create_tenant(&of, NOW).await.unwrap();
        }
        assert_eq!(add(&world, "1", user("a", "anna")).await, Written::Done);
        let open = |tenant, number: u8, cookie: &'static [u8], person: Option<&str>| {
            let flow = Flow {
                id: FlowId::from_bytes([number; 16]),
                tenant,
                person: person.map(|id| id.parse().unwrap()),
                name: [0; 32],
                locale: "en".into(),
                expires_at: NOW.after(std::time::Duration::from_secs(60)),
                ended: false,
            };
            let store = &world.store;
            async move { store.open_flow(&flow, cookie, NOW).await.unwrap() }
        };
        open(tenant, 1, b"anna", Some("1")).await;
        open(tenant, 2, b"nobody", None).await;
        open(tenant, 3, b"gone", Some("2")).await;
        open(other, 4, b"elsewhere", Some("1")).await;
        let person = async |tenant, cookie: &[u8]| {
            let (_, known) = world.store.known_flow(tenant, cookie, NOW).await.unwrap().unwrap();
            assert_eq!(known.facts, []);
            known.person
        };
        let anna = world.store.person(tenant, &"1".parse().unwrap()).await.unwrap();
        assert!(anna.is_some());
        assert_eq!(person(tenant, b"anna").await, anna);
        assert_eq!(person(tenant, b"nobody").await, None);
        assert_eq!(person(tenant, b"gone").await, None);
        assert_eq!(person(other, b"elsewhere").await, None);
    }
}
