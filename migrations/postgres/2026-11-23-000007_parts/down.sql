DROP INDEX comments_to_escalate;
DROP TABLE former_account_managers;
DROP TABLE business_case_contributors;
