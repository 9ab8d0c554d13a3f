DROP INDEX people_by_email;
