-- Whom an external issuer names by e-mail address is looked up at each request.
CREATE INDEX people_by_email ON people (school_id, email);
