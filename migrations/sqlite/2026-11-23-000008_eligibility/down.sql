DROP TABLE compliance_states;
ALTER TABLE schools DROP COLUMN eligibility_grace_days;
