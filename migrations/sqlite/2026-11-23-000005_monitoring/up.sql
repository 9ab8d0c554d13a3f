ALTER TABLE schools ADD COLUMN monitoring_amber_days INTEGER NOT NULL DEFAULT 1;
ALTER TABLE schools ADD COLUMN monitoring_red_hours INTEGER NOT NULL DEFAULT 48;

CREATE TABLE monitoring_checks (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    checked_on DATE NOT NULL,
    checked_at BIGINT NOT NULL,
    checked_by BLOB NOT NULL,
    note TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, checked_by) REFERENCES people (school_id, id)
);
CREATE INDEX monitoring_checks_by_time ON monitoring_checks (school_id, checked_at, id);
CREATE INDEX monitoring_checks_of_account_by_time ON monitoring_checks (school_id, account_id, checked_at, id);
CREATE INDEX monitoring_checks_of_account_by_day ON monitoring_checks (school_id, account_id, checked_on);

CREATE TABLE monitoring_findings (
    school_id BLOB NOT NULL,
    check_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    note TEXT,
    PRIMARY KEY (school_id, check_id, number),
    FOREIGN KEY (school_id, check_id) REFERENCES monitoring_checks (school_id, id)
);
CREATE INDEX monitoring_findings_by_kind ON monitoring_findings (school_id, kind, check_id);

CREATE TABLE monitoring_states (
    school_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    last_checked_on DATE,
    last_checked_at BIGINT,
    recorded_level TEXT,
    recorded_at BIGINT,
    PRIMARY KEY (school_id, account_id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id)
);
