ALTER TABLE service_accounts ADD COLUMN allowed_networks TEXT NOT NULL DEFAULT '';
ALTER TABLE service_accounts ADD COLUMN secret_rotated_at BIGINT;
ALTER TABLE service_accounts ADD COLUMN previous_secret_hash TEXT;
ALTER TABLE service_accounts ADD COLUMN previous_secret_expires_at BIGINT;
ALTER TABLE service_accounts ADD COLUMN last_used_at BIGINT;
ALTER TABLE service_accounts ADD COLUMN version BIGINT NOT NULL DEFAULT 1;
ALTER TABLE service_accounts ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
UPDATE service_accounts SET updated_at = created_at;
