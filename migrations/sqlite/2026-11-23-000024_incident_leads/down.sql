DROP TABLE incident_leads;
