DROP INDEX people_leaving;
DROP TABLE exit_records;
DROP TABLE handovers;
ALTER TABLE accounts DROP COLUMN reason_before_handover;
ALTER TABLE accounts DROP COLUMN before_handover;
