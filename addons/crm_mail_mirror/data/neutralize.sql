-- a copy of the database must not open anybody's mailbox
DELETE FROM crm_mail_mirror_credential;
UPDATE crm_mail_mirror_client SET enabled = false, secret = NULL;
UPDATE crm_mail_mirror_mailbox
   SET state = 'paused', lease_token = NULL, lease_until = NULL
 WHERE state != 'draft';
