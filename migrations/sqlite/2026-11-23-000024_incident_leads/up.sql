-- Who led incidents when it was last found out who leads which: where others do now, it is found out anew.
CREATE TABLE incident_leads (
    school_id BLOB NOT NULL PRIMARY KEY REFERENCES schools (id),
    digest TEXT NOT NULL
);
