DROP TABLE reporting_contacts;
DROP TABLE media_enquiries;
ALTER TABLE schools DROP COLUMN press_lead_id;
