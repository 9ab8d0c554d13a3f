DROP TABLE contact_declarations;
DROP TABLE contact_exceptions;
DROP TABLE workplace_monitoring;
