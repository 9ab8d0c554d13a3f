DROP TABLE monitoring_states;
DROP TABLE monitoring_findings;
DROP TABLE monitoring_checks;
ALTER TABLE schools DROP COLUMN monitoring_red_hours;
ALTER TABLE schools DROP COLUMN monitoring_amber_days;
