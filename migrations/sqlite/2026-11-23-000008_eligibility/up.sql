ALTER TABLE schools ADD COLUMN eligibility_grace_days INTEGER NOT NULL DEFAULT 0;

-- How an account stood when the log last said so.
CREATE TABLE compliance_states (
    school_id BLOB NOT NULL,
    account_id BLOB NOT NULL,
    compliance TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (school_id, account_id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id)
);
