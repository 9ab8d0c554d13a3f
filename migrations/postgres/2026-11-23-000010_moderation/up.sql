ALTER TABLE schools ADD COLUMN urgent_target_minutes INTEGER NOT NULL DEFAULT 60;
ALTER TABLE comments ADD COLUMN urgent BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE comments ADD COLUMN urgent_due_at TIMESTAMPTZ;
CREATE INDEX comments_queue ON comments (school_id, is_open, urgent, due_at, id);

CREATE TABLE moderation_actions (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    comment_id UUID NOT NULL,
    account_id UUID NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    public_explanation TEXT NOT NULL,
    internal_reason TEXT,
    evidence_ref TEXT,
    snapshot_text TEXT NOT NULL,
    snapshot_author TEXT,
    acted_by UUID NOT NULL,
    acted_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, acted_by) REFERENCES people (school_id, id)
);
CREATE INDEX moderation_actions_of_comment ON moderation_actions (school_id, comment_id, id);
CREATE INDEX moderation_actions_of_account ON moderation_actions (school_id, account_id, id);

CREATE TABLE parent_ladders (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    parent_id UUID,
    comment_id UUID,
    state TEXT NOT NULL,
    opened_by UUID NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, parent_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, opened_by) REFERENCES people (school_id, id)
);
CREATE INDEX parent_ladders_of_parent ON parent_ladders (school_id, parent_id, id);
CREATE INDEX parent_ladders_of_comment ON parent_ladders (school_id, comment_id, id);

CREATE TABLE parent_ladder_steps (
    school_id UUID NOT NULL,
    ladder_id UUID NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    channel TEXT,
    outcome TEXT,
    internal_note TEXT,
    skipped BOOLEAN NOT NULL,
    taken_by UUID NOT NULL,
    taken_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, ladder_id, number),
    FOREIGN KEY (school_id, ladder_id) REFERENCES parent_ladders (school_id, id),
    FOREIGN KEY (school_id, taken_by) REFERENCES people (school_id, id)
);

CREATE TABLE statutory_clocks (
    school_id UUID NOT NULL,
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    comment_id UUID,
    description TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    met_at TIMESTAMPTZ,
    reference TEXT,
    overdue_recorded_at TIMESTAMPTZ,
    started_by UUID NOT NULL,
    met_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, started_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, met_by) REFERENCES people (school_id, id)
);
CREATE INDEX statutory_clocks_by_due ON statutory_clocks (school_id, due_at, id);
