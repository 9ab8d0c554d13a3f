-- A refresh never gives more than the login asked for (RFC 6749, section 6); absent where it asked for nothing in particular.
ALTER TABLE sessions ADD COLUMN scope TEXT;

-- Who is named by a record: asked before a person is erased.
CREATE INDEX comments_by_logger ON comments (school_id, logged_by);
CREATE INDEX responses_by_responder ON responses (school_id, responded_by);
CREATE INDEX business_cases_by_submitter ON business_cases (school_id, submitted_by);
CREATE INDEX business_cases_by_decider ON business_cases (school_id, decided_by);
CREATE INDEX delegations_by_granter ON delegations (school_id, granted_by);
