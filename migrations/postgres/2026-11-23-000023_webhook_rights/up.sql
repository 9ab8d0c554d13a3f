-- With which rights an endpoint was made, of those that its owner has; none: it waits to be enabled anew.
ALTER TABLE webhook_endpoints ADD COLUMN roles TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_endpoints ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
