-- All configuration tables have their triggers.

DROP PROCEDURE loyalty.config_table(text, boolean);
