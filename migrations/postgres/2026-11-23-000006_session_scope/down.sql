DROP INDEX delegations_by_granter;
DROP INDEX business_cases_by_decider;
DROP INDEX business_cases_by_submitter;
DROP INDEX responses_by_responder;
DROP INDEX comments_by_logger;
ALTER TABLE sessions DROP COLUMN scope;
