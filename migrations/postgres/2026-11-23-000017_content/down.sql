DROP TABLE accidental_images;
DROP TABLE style_guides;
DROP TABLE content_permissions;
