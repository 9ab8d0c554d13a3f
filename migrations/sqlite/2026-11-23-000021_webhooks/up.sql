CREATE TABLE webhook_endpoints (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    person_id BLOB,
    service_account_id BLOB,
    url TEXT NOT NULL,
    description TEXT,
    event_types TEXT NOT NULL,
    state TEXT NOT NULL,
    disabled_reason TEXT,
    disabled_at BIGINT,
    position BIGINT NOT NULL,
    failing_since BIGINT,
    last_error TEXT,
    last_status INTEGER,
    leased_by BLOB,
    leased_until BIGINT,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, person_id) REFERENCES people (school_id, id),
    FOREIGN KEY (school_id, service_account_id) REFERENCES service_accounts (school_id, id),
    CHECK ((person_id IS NULL) <> (service_account_id IS NULL))
);
CREATE INDEX webhook_endpoints_by_person ON webhook_endpoints (school_id, person_id);
CREATE INDEX webhook_endpoints_by_service ON webhook_endpoints (school_id, service_account_id);

CREATE TABLE webhook_secrets (
    school_id BLOB NOT NULL,
    endpoint_id BLOB NOT NULL,
    number INTEGER NOT NULL,
    master_key_id TEXT NOT NULL,
    sealed_key BLOB NOT NULL,
    sealed_content BLOB NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, endpoint_id, number),
    FOREIGN KEY (school_id, endpoint_id) REFERENCES webhook_endpoints (school_id, id)
);

CREATE TABLE webhook_deliveries (
    school_id BLOB NOT NULL,
    id BLOB NOT NULL,
    endpoint_id BLOB NOT NULL,
    event_number BIGINT NOT NULL,
    event_id BLOB NOT NULL,
    event_type TEXT NOT NULL,
    subject_id BLOB NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at BIGINT NOT NULL,
    last_at BIGINT,
    last_error TEXT,
    last_status INTEGER,
    delivered_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (school_id, id),
    FOREIGN KEY (school_id, endpoint_id) REFERENCES webhook_endpoints (school_id, id),
    FOREIGN KEY (school_id, event_number) REFERENCES events (school_id, number)
);
CREATE UNIQUE INDEX webhook_deliveries_by_event ON webhook_deliveries (school_id, endpoint_id, event_number);
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (school_id, endpoint_id, id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (school_id, endpoint_id, state, next_at, event_number);
CREATE INDEX webhook_deliveries_by_subject ON webhook_deliveries (school_id, endpoint_id, subject_id, state, event_number);
CREATE INDEX webhook_deliveries_delivered ON webhook_deliveries (school_id, delivered_at);
CREATE INDEX events_by_time ON events (school_id, occurred_at);
