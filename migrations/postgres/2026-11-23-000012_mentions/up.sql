ALTER TABLE schools ADD COLUMN sweep_interval_days INTEGER NOT NULL DEFAULT 7;
ALTER TABLE schools ADD COLUMN concern_pattern_at INTEGER NOT NULL DEFAULT 3;
ALTER TABLE comments ADD COLUMN sentiment TEXT;

CREATE TABLE response_procedures (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    tree TEXT NOT NULL,
    change_summary TEXT,
    drafted_by UUID,
    published_at TIMESTAMPTZ,
    published_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, number),
    FOREIGN KEY (school_id, drafted_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, published_by) REFERENCES people (school_id, id)
);
CREATE UNIQUE INDEX response_procedures_published ON response_procedures (school_id) WHERE state = 'published';

-- By which version of the procedure, and by which branch of it, a comment was closed.
CREATE TABLE comment_procedures (
    school_id UUID NOT NULL,
    comment_id UUID NOT NULL,
    procedure_version_id UUID NOT NULL,
    branch TEXT NOT NULL,
    PRIMARY KEY (school_id, comment_id),
    FOREIGN KEY (school_id, comment_id) REFERENCES comments (school_id, id),
    FOREIGN KEY (school_id, procedure_version_id) REFERENCES response_procedures (school_id, id)
);

CREATE TABLE mention_sweeps (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    swept_by UUID NOT NULL,
    swept_at TIMESTAMPTZ NOT NULL,
    swept_on DATE NOT NULL,
    terms TEXT NOT NULL,
    pupil_name_reason TEXT,
    sources TEXT NOT NULL,
    platform_other_name TEXT,
    result_count INTEGER NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, swept_by) REFERENCES people (school_id, id)
);
CREATE INDEX mention_sweeps_by_time ON mention_sweeps (school_id, swept_at, id);

-- The lapses that are on record, each by the day since which nobody has swept.
CREATE TABLE mention_sweep_lapses (
    school_id UUID NOT NULL REFERENCES schools (id),
    since_on DATE NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, since_on)
);

CREATE TABLE mentions (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    state TEXT NOT NULL,
    sweep_id UUID,
    account_id UUID,
    url TEXT NOT NULL,
    url_hash TEXT NOT NULL,
    platform TEXT NOT NULL,
    platform_other_name TEXT,
    captured_at TIMESTAMPTZ NOT NULL,
    captured_by UUID NOT NULL,
    author_name TEXT,
    author_anonymous BOOLEAN NOT NULL,
    excerpt TEXT NOT NULL,
    sentiment TEXT NOT NULL,
    topics TEXT NOT NULL,
    scope TEXT,
    scope_reason TEXT,
    assessed_at TIMESTAMPTZ,
    assessed_by UUID,
    procedure_version_id UUID,
    branch TEXT,
    responded_at TIMESTAMPTZ,
    responded_by UUID,
    response_note TEXT,
    no_response_reason TEXT,
    closed_at TIMESTAMPTZ,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    UNIQUE (school_id, url_hash),
    FOREIGN KEY (school_id, sweep_id) REFERENCES mention_sweeps (school_id, id),
    FOREIGN KEY (school_id, account_id) REFERENCES accounts (school_id, id),
    FOREIGN KEY (school_id, captured_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, assessed_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, responded_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, procedure_version_id) REFERENCES response_procedures (school_id, id)
);
CREATE INDEX mentions_by_state ON mentions (school_id, state, id);
CREATE INDEX mentions_by_sentiment ON mentions (school_id, sentiment, id);
CREATE INDEX mentions_by_account ON mentions (school_id, account_id, id);
CREATE INDEX mentions_by_sweep ON mentions (school_id, sweep_id, id);
CREATE INDEX mentions_by_captor ON mentions (school_id, captured_by, id);

-- All that is kept of mentions that are none of the school's business.
CREATE TABLE mention_purges (
    school_id UUID NOT NULL REFERENCES schools (id),
    purged_on DATE NOT NULL,
    purged INTEGER NOT NULL,
    PRIMARY KEY (school_id, purged_on)
);

CREATE TABLE low_level_concerns (
    school_id UUID NOT NULL REFERENCES schools (id),
    id UUID NOT NULL,
    about_person_id UUID NOT NULL,
    recorded_by UUID NOT NULL,
    shared_by_id UUID,
    state TEXT NOT NULL,
    occurred_on DATE NOT NULL,
    what_happened TEXT NOT NULL,
    context TEXT NOT NULL,
    action_taken TEXT,
    outcome TEXT,
    review_reason TEXT,
    reviewed_at TIMESTAMPTZ,
    reviewed_by UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, about_person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, recorded_by) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, shared_by_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, reviewed_by) REFERENCES people (school_id, id)
);
CREATE INDEX low_level_concerns_by_person ON low_level_concerns (school_id, about_person_id, id);
