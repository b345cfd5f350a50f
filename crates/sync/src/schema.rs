//! The tables, and how a file comes to have them.
//!
//! `user_version` of the file is the version of the schema. To change the schema: add the
//! statements as the next entry of [`STEPS`], never touch an earlier one.

/// One entry for each version, each leading from the one before.
pub(crate) static STEPS: &[&str] = &[
    // 1: connector spaces, metaverse, links, pending exports.
    "
    CREATE TABLE connector (
        name TEXT PRIMARY KEY NOT NULL,
        run INTEGER NOT NULL,           -- number of the import run that was begun last
        finished_at INTEGER,            -- ms; when an import was last finished
        report TEXT                     -- JSON of its ImportReport
    ) STRICT;
    CREATE TABLE connector_object (
        id INTEGER PRIMARY KEY,
        connector TEXT NOT NULL REFERENCES connector (name),
        anchor TEXT NOT NULL,
        dn TEXT NOT NULL,
        source_anchor TEXT NOT NULL,
        login TEXT,                     -- userPrincipalName or userName, lower case
        account_name TEXT,              -- sAMAccountName, lower case
        attributes TEXT NOT NULL,       -- JSON of Attributes
        seen_run INTEGER NOT NULL,      -- the last run that saw it
        confirmed INTEGER NOT NULL,     -- cloud only: 0 after an export, 1 after the next import
        deprovision INTEGER NOT NULL DEFAULT 0, -- cloud only: its metaverse object is gone
        UNIQUE (connector, anchor)
    ) STRICT;
    CREATE INDEX connector_object_source_anchor ON connector_object (source_anchor);
    CREATE INDEX connector_object_login ON connector_object (login);
    CREATE INDEX connector_object_account_name ON connector_object (account_name);
    CREATE TABLE metaverse (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        source_anchor TEXT NOT NULL UNIQUE,
        attributes TEXT NOT NULL        -- JSON of MetaverseAttributes
    ) STRICT;
    CREATE TABLE link (
        object_id INTEGER PRIMARY KEY REFERENCES connector_object (id) ON DELETE CASCADE,
        metaverse_id INTEGER NOT NULL REFERENCES metaverse (id) ON DELETE CASCADE,
        rules TEXT NOT NULL,            -- JSON list of rule identifiers: the lineage
        linked_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX link_metaverse ON link (metaverse_id);
    -- A metaverse object whose directory object was disconnected by hand, not seen to be deleted:
    -- it is kept until an import that was begun later has looked.
    CREATE TABLE held (
        metaverse_id INTEGER NOT NULL REFERENCES metaverse (id) ON DELETE CASCADE,
        connector TEXT NOT NULL,
        run INTEGER NOT NULL,
        PRIMARY KEY (metaverse_id, connector)
    ) STRICT;
    CREATE TABLE pending_export (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('add', 'update', 'delete')),
        source_anchor TEXT NOT NULL,
        cloud_anchor TEXT,
        cloud_user TEXT                 -- JSON of CloudUser
    ) STRICT;
    CREATE INDEX pending_export_source_anchor ON pending_export (source_anchor);
    CREATE INDEX pending_export_cloud_anchor ON pending_export (cloud_anchor);
    CREATE TABLE synchronisation (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        finished_at INTEGER NOT NULL,
        report TEXT NOT NULL
    ) STRICT;
    ",
    // 2: the value by which people are recognised across directories. The synchronisation writes it
    // for every directory object, since it depends on the configuration as well.
    "
    ALTER TABLE connector_object ADD COLUMN match_value TEXT; -- lower case; none: matches nobody
    CREATE INDEX connector_object_match_value ON connector_object (match_value);
    ",
];
