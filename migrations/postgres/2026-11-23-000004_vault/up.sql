CREATE TABLE vault_keys (
    id TEXT NOT NULL PRIMARY KEY,
    is_current BOOLEAN NOT NULL,
    since TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX vault_keys_current ON vault_keys (is_current) WHERE is_current;

CREATE TABLE account_credentials (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    number INTEGER NOT NULL,
    fields TEXT NOT NULL,
    master_key_id TEXT,
    sealed_key BYTEA,
    sealed_content BYTEA,
    stored_by UUID NOT NULL,
    stored_at TIMESTAMPTZ NOT NULL,
    stored_on DATE NOT NULL,
    reason TEXT,
    leaver_on DATE,
    released_on DATE,
    retired_at TIMESTAMPTZ,
    destroyed_at TIMESTAMPTZ,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, stored_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX account_credentials_by_number ON account_credentials (school_id, account_id, number);
CREATE UNIQUE INDEX account_credentials_current ON account_credentials (school_id, account_id) WHERE destroyed_at IS NULL;

CREATE TABLE credential_reveals (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    credential_id UUID NOT NULL,
    revealed_by UUID NOT NULL,
    revealed_at TIMESTAMPTZ NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, credential_id) REFERENCES account_credentials (school_id, id),
    FOREIGN KEY (school_id, revealed_by) REFERENCES people (school_id, id)
);
CREATE INDEX credential_reveals_by_account ON credential_reveals (school_id, account_id, id);

CREATE TABLE credential_releases (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    credential_id UUID NOT NULL,
    person_id UUID NOT NULL,
    released_by UUID NOT NULL,
    reason TEXT NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    opened_at TIMESTAMPTZ,
    revoked_at TIMESTAMPTZ,
    revoked_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, credential_id) REFERENCES account_credentials (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, released_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, revoked_by) REFERENCES people (school_id, id)
);
CREATE INDEX credential_releases_by_person ON credential_releases (school_id, person_id, id);
