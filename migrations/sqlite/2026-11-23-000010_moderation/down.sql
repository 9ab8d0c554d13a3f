DROP TABLE statutory_clocks;
DROP TABLE parent_ladder_steps;
DROP TABLE parent_ladders;
DROP TABLE moderation_actions;
DROP INDEX comments_queue;
ALTER TABLE comments DROP COLUMN urgent_due_at;
ALTER TABLE comments DROP COLUMN urgent;
ALTER TABLE schools DROP COLUMN urgent_target_minutes;
