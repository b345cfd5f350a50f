//! Organisations.

use protocol::{TenantId, Timestamp};

use crate::row::Typed;
use crate::{Store, StoreError, failed};

/// One organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name in addresses: `/t/<slug>/reset`.
    pub slug: String,
    /// Its name for people.
    pub name: String,
}

impl Store {
    /// Adds a tenant.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if the slug is taken.
    pub async fn create_tenant(&self, tenant: &Tenant, now: Timestamp) -> Result<(), StoreError> {
        let added = sqlx::query(
            "INSERT INTO tenant (id, slug, name, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (slug) DO NOTHING",
        )
        .bind(tenant.id.to_bytes().to_vec())
        .bind(&tenant.slug)
        .bind(&tenant.name)
        .bind(now.as_millis())
        .execute(&self.pool)
        .await
        .map_err(failed("add a tenant"))?;
        if added.rows_affected() == 1 { Ok(()) } else { Err(StoreError::Exists("tenant")) }
    }

    /// The tenant with this slug.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<Tenant>, StoreError> {
        let row = sqlx::query("SELECT id, slug, name FROM tenant WHERE slug = $1")
            .bind(slug)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("find a tenant"))?;
        row.as_ref().map(|row| tenant(&Typed::new(row, "tenant"))).transpose()
    }

    /// Every tenant, by slug.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        let rows = sqlx::query("SELECT id, slug, name FROM tenant ORDER BY slug")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the tenants"))?;
        rows.iter().map(|row| tenant(&Typed::new(row, "tenant"))).collect()
    }
}

fn tenant(row: &Typed<'_>) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: TenantId::from_bytes(row.bytes16("id")?),
        slug: row.text("slug")?,
        name: row.text("name")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, Temporary};

    #[tokio::test]
    async fn a_slug_is_given_once() {
        let world = Temporary::new().await;
        let one = Tenant {
            id: TenantId::from_bytes([1; 16]),
            slug: "contoso".into(),
            name: "Contoso".into(),
        };
        world.store.create_tenant(&one, NOW).await.unwrap();
        let two = Tenant { id: TenantId::from_bytes([2; 16]), ..one.clone() };
        let refused = world.store.create_tenant(&two, NOW).await;
        assert!(matches!(refused, Err(StoreError::Exists("tenant"))));
        assert_eq!(world.store.tenant_by_slug("contoso").await.unwrap(), Some(one.clone()));
        assert_eq!(world.store.tenant_by_slug("other").await.unwrap(), None);
        assert_eq!(world.store.tenants().await.unwrap(), [one]);
    }
}
