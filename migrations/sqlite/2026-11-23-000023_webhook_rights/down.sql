ALTER TABLE webhook_endpoints DROP COLUMN scopes;
ALTER TABLE webhook_endpoints DROP COLUMN roles;
