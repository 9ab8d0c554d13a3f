DROP TABLE credential_releases;
DROP TABLE credential_reveals;
DROP TABLE account_credentials;
DROP TABLE vault_keys;
