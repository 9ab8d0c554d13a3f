-- What an account goes back to when its handovers have come to their end; absent while there is none.
ALTER TABLE accounts ADD COLUMN before_handover TEXT;
ALTER TABLE accounts ADD COLUMN reason_before_handover TEXT;

CREATE TABLE handovers (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    leaver_id UUID NOT NULL,
    left_on DATE NOT NULL,
    leaver_was_lead BOOLEAN NOT NULL,
    state TEXT NOT NULL,
    outcome TEXT,
    successor_id UUID,
    credentials_rotated_at TIMESTAMPTZ,
    opened_at TIMESTAMPTZ NOT NULL,
    completed_at TIMESTAMPTZ,
    completed_by UUID,
    version BIGINT NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, leaver_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, successor_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, completed_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX handovers_open ON handovers (school_id, account_id, leaver_id) WHERE completed_at IS NULL;
CREATE INDEX handovers_by_account ON handovers (school_id, account_id, id);
CREATE INDEX handovers_by_leaver ON handovers (school_id, leaver_id, id);

CREATE TABLE exit_records (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    person_id UUID NOT NULL,
    acknowledged_on DATE NOT NULL,
    method TEXT NOT NULL,
    note TEXT,
    recorded_by UUID NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    void_at TIMESTAMPTZ,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX exit_records_in_force ON exit_records (school_id, person_id) WHERE void_at IS NULL;
CREATE INDEX exit_records_by_person ON exit_records (school_id, person_id, id);
CREATE INDEX people_leaving ON people (school_id, id) WHERE left_on IS NOT NULL;
