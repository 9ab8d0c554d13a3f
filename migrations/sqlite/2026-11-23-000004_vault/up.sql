CREATE TABLE vault_keys (
    id TEXT NOT NULL PRIMARY KEY,
    is_current BOOLEAN NOT NULL,
    since BIGINT NOT NULL
);
CREATE UNIQUE INDEX vault_keys_current ON vault_keys (is_current) WHERE is_current;

CREATE TABLE account_credentials (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    fields TEXT NOT NULL,
    master_key_id TEXT,
    sealed_key BLOB,
    sealed_content BLOB,
    stored_by BLOB NOT NULL,
    stored_at BIGINT NOT NULL,
    stored_on DATE NOT NULL,
    reason TEXT,
    leaver_on DATE,
    released_on DATE,
    retired_at BIGINT,
    destroyed_at BIGINT,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, stored_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX account_credentials_by_number ON account_credentials (school_id, account_id, number);
CREATE UNIQUE INDEX account_credentials_current ON account_credentials (school_id, account_id) WHERE destroyed_at IS NULL;

CREATE TABLE credential_reveals (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    credential_id BLOB NOT NULL,
    revealed_by BLOB NOT NULL,
    revealed_at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, credential_id) REFERENCES account_credentials (school_id, id),
    FOREIGN KEY (school_id, revealed_by) REFERENCES people (school_id, id)
);
CREATE INDEX credential_reveals_by_account ON credential_reveals (school_id, account_id, id);

CREATE TABLE credential_releases (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    credential_id BLOB NOT NULL,
    person_id BLOB NOT NULL,
    released_by BLOB NOT NULL,
    reason TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    opened_at BIGINT,
    revoked_at BIGINT,
    revoked_by BLOB,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, credential_id) REFERENCES account_credentials (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, released_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, revoked_by) REFERENCES people (school_id, id)
);
CREATE INDEX credential_releases_by_person ON credential_releases (school_id, person_id, id);
