-- Whoever drafted, edited or submitted a case has a part in it that no later edit takes away (A11).
CREATE TABLE business_case_contributors (
    school_id UUID NOT NULL,
    business_case_id UUID NOT NULL,
    person_id UUID NOT NULL,
    PRIMARY KEY (school_id, business_case_id, person_id),
    FOREIGN KEY (school_id, business_case_id) REFERENCES business_cases (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX business_case_contributors_by_person ON business_case_contributors (school_id, person_id);
INSERT INTO business_case_contributors (school_id, business_case_id, person_id)
    SELECT school_id, id, proposer_id FROM business_cases
    UNION SELECT school_id, id, submitted_by FROM business_cases WHERE submitted_by IS NOT NULL;

-- Who ran an account, and until when.
CREATE TABLE former_account_managers (
    school_id UUID NOT NULL,
    account_id UUID NOT NULL,
    person_id UUID NOT NULL,
    removed_at TIMESTAMPTZ NOT NULL,
    lead BOOLEAN NOT NULL,
    added_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, account_id, person_id, removed_at),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id)
);
CREATE INDEX former_account_managers_by_person ON former_account_managers (school_id, person_id);

CREATE INDEX comments_to_escalate ON comments (school_id, awaits_response, overdue_recorded_at, due_at, id);
