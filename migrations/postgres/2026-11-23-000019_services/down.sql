ALTER TABLE service_accounts DROP COLUMN updated_at;
ALTER TABLE service_accounts DROP COLUMN version;
ALTER TABLE service_accounts DROP COLUMN last_used_at;
ALTER TABLE service_accounts DROP COLUMN previous_secret_expires_at;
ALTER TABLE service_accounts DROP COLUMN previous_secret_hash;
ALTER TABLE service_accounts DROP COLUMN secret_rotated_at;
ALTER TABLE service_accounts DROP COLUMN allowed_networks;
