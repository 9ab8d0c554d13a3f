DROP TABLE commenting_access;
DROP TABLE personal_account_declarations;
DROP TABLE education_sessions;
DROP TABLE training_completions;
DROP TABLE training_sessions;
DROP TABLE courses;
