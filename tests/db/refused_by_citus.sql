-- Statements of the gateway before it took Citus into account: each of them is refused there, or answered wrongly.

DELETE FROM attempt WHERE EXISTS (SELECT 1 FROM json_to_recordset(CAST(%(rows)s AS JSON)) AS given(bucket SMALLINT,
  message_id UUID) WHERE attempt.bucket = given.bucket AND attempt.message_id = given.message_id);

DELETE FROM campaign_recipient WHERE EXISTS (SELECT 1 FROM json_to_recordset(CAST(%(rows)s AS JSON)) AS given(bucket
  SMALLINT, campaign_id UUID, msisdn TEXT) WHERE campaign_recipient.bucket = given.bucket AND
  campaign_recipient.campaign_id = given.campaign_id AND campaign_recipient.msisdn = given.msisdn) RETURNING
  campaign_recipient.reason;

DELETE FROM inbound_message WHERE EXISTS (SELECT 1 FROM json_to_recordset(CAST(%(rows)s AS JSON)) AS given(bucket
  SMALLINT, msisdn TEXT, id UUID) WHERE inbound_message.bucket = given.bucket AND inbound_message.msisdn =
  given.msisdn AND inbound_message.id = given.id);

DELETE FROM outbound_message WHERE EXISTS (SELECT 1 FROM json_to_recordset(CAST(%(rows)s AS JSON)) AS given(bucket
  SMALLINT, msisdn TEXT, id UUID) WHERE outbound_message.bucket = given.bucket AND outbound_message.msisdn =
  given.msisdn AND outbound_message.id = given.id);

INSERT INTO campaign_recipient (bucket, msisdn, campaign_id, status) SELECT given.bucket, given.msisdn,
  given.campaign_id, given.status FROM json_to_recordset(CAST(%(rows)s AS JSON)) AS given(bucket SMALLINT, msisdn
  TEXT, campaign_id UUID, status TEXT) ON CONFLICT DO NOTHING;

SELECT campaign.id FROM campaign WHERE campaign.done_at < %(done_at_1)s::BIGINT AND (EXISTS (SELECT 1 FROM
  campaign_recipient WHERE campaign_recipient.campaign_id = campaign.id)) ORDER BY campaign.id LIMIT
  %(param_1)s::INTEGER;

SELECT conversation.bucket, conversation.msisdn, conversation.tenure, conversation.guards, conversation.version FROM
  conversation JOIN json_to_recordset(CAST(%(rows)s AS JSON)) AS given(bucket SMALLINT, msisdn TEXT) ON
  conversation.bucket = given.bucket AND conversation.msisdn = given.msisdn ORDER BY conversation.bucket,
  conversation.msisdn FOR UPDATE OF conversation;

SELECT conversation.bucket, conversation.msisdn, conversation.tenure, conversation.guards, conversation.version FROM
  conversation JOIN json_to_recordset(CAST(%(rows)s AS JSON)) AS given(bucket SMALLINT, msisdn TEXT) ON
  conversation.bucket = given.bucket AND conversation.msisdn = given.msisdn ORDER BY conversation.bucket,
  conversation.msisdn FOR UPDATE OF conversation SKIP LOCKED;

SELECT event.bucket, event.id FROM event WHERE event.receiver = %(receiver_1)s::VARCHAR AND event.status IN
  ('pending', 'sending') AND event.status = 'pending' ORDER BY event.id LIMIT %(param_1)s::INTEGER FOR UPDATE SKIP
  LOCKED;

SELECT event.bucket, event.id, event.receiver, event.type, event.data, event.made_at, event.attempts FROM event WHERE
  event.receiver = %(receiver)s::VARCHAR AND event.status IN ('pending', 'sending') AND (event.status =
  %(status_1)s::VARCHAR AND event.due_at <= %(now)s::BIGINT OR event.status = %(status_2)s::VARCHAR AND
  event.leased_until < %(machine_now)s::BIGINT) AND NOT (EXISTS (SELECT * FROM event AS earlier WHERE earlier.bucket =
  event.bucket AND earlier.msisdn = event.msisdn AND earlier.receiver = event.receiver AND earlier.id < event.id AND
  earlier.status IN ('pending', 'sending'))) ORDER BY event.id LIMIT %(most)s FOR UPDATE OF event SKIP LOCKED;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.id FROM outbound_message WHERE
  outbound_message.status IN ('queued', 'sending') AND outbound_message.status = 'sending' AND
  (outbound_message.leased_until < %(machine_now)s::BIGINT OR %(all_of_them)s) AND outbound_message.provider =
  %(provider_1)s::VARCHAR ORDER BY outbound_message.bucket, outbound_message.msisdn, outbound_message.id FOR UPDATE
  SKIP LOCKED;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.id, outbound_message.lane,
  outbound_message.service_number, outbound_message.text, outbound_message.class, outbound_message.encoding,
  outbound_message.segments, outbound_message.question_id, outbound_message.in_reply_to, outbound_message.valid_until
  AS valid_until, outbound_message.attempts FROM outbound_message WHERE outbound_message.provider =
  %(provider)s::VARCHAR AND outbound_message.lane = %(lane)s::VARCHAR AND outbound_message.status IN ('queued',
  'sending') AND outbound_message.status = 'queued' AND outbound_message.due_at <= %(now)s::BIGINT AND NOT (EXISTS
  (SELECT * FROM outbound_message AS earlier WHERE earlier.bucket = outbound_message.bucket AND earlier.msisdn =
  outbound_message.msisdn AND earlier.lane = outbound_message.lane AND earlier.id < outbound_message.id AND
  earlier.status IN ('queued', 'sending') AND (earlier.status = 'sending' OR earlier.valid_until > %(now)s::BIGINT AND
  (earlier.due_at > %(now)s::BIGINT OR earlier.provider != outbound_message.provider)))) ORDER BY outbound_message.id
  LIMIT %(most)s FOR UPDATE OF outbound_message SKIP LOCKED;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.id, outbound_message.provider,
  outbound_message.provider_message_id, outbound_message.status, outbound_message.question_id,
  outbound_message.error_code FROM outbound_message JOIN json_to_recordset(CAST(%(rows)s AS JSON)) AS given(provider
  TEXT, id UUID) ON outbound_message.provider = given.provider AND outbound_message.id = given.id WHERE
  outbound_message.status IN ('unknown', 'queued') AND outbound_message.provider_message_id IS NULL ORDER BY
  outbound_message.bucket, outbound_message.msisdn, outbound_message.id FOR UPDATE OF outbound_message;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.id, outbound_message.provider,
  outbound_message.provider_message_id, outbound_message.status, outbound_message.question_id,
  outbound_message.error_code FROM outbound_message JOIN json_to_recordset(CAST(%(rows)s AS JSON)) AS given(provider
  TEXT, provider_message_id TEXT) ON outbound_message.provider = given.provider AND
  outbound_message.provider_message_id = given.provider_message_id ORDER BY outbound_message.bucket,
  outbound_message.msisdn, outbound_message.id FOR UPDATE OF outbound_message;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.id, outbound_message.status,
  outbound_message.provider FROM outbound_message WHERE outbound_message.status IN ('queued', 'sending') AND
  (outbound_message.status = 'queued' OR outbound_message.leased_until < %(leased_until_1)s::BIGINT) AND
  (outbound_message.provider NOT IN (%(provider_1_1)s::VARCHAR)) ORDER BY outbound_message.bucket,
  outbound_message.msisdn, outbound_message.id FOR UPDATE;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.id, outbound_message.status,
  outbound_message.provider FROM outbound_message WHERE outbound_message.status IN ('queued', 'sending') AND
  (outbound_message.status = 'queued' OR outbound_message.leased_until < %(leased_until_1)s::BIGINT) AND
  (outbound_message.provider NOT IN (%(provider_1_1)s::VARCHAR, %(provider_1_2)s::VARCHAR)) ORDER BY
  outbound_message.bucket, outbound_message.msisdn, outbound_message.id FOR UPDATE;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.tenure, outbound_message.id,
  outbound_message.about, outbound_message.status, outbound_message.told FROM outbound_message WHERE
  outbound_message.told = 1 AND outbound_message.status IN ('accepted', 'delivered', 'undelivered', 'rejected',
  'deleted', 'failed', 'expired', 'superseded') ORDER BY outbound_message.id LIMIT %(param_1)s::INTEGER FOR UPDATE
  SKIP LOCKED;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.tenure, outbound_message.id,
  outbound_message.about, outbound_message.status, outbound_message.told FROM outbound_message WHERE
  outbound_message.told = 2 AND outbound_message.status IN ('delivered', 'undelivered', 'expired', 'rejected',
  'deleted', 'failed') ORDER BY outbound_message.id LIMIT %(param_1)s::INTEGER FOR UPDATE SKIP LOCKED;

SELECT outbound_message.bucket, outbound_message.msisdn, outbound_message.tenure, outbound_message.id,
  outbound_message.valid_until AS valid_until, conversation.tenure AS tenure_1 FROM outbound_message JOIN conversation
  ON conversation.bucket = outbound_message.bucket AND conversation.msisdn = outbound_message.msisdn WHERE
  outbound_message.status = 'unknown' AND outbound_message.final_at IS NULL AND outbound_message.told IS NULL AND
  outbound_message.valid_until <= %(now)s::BIGINT ORDER BY outbound_message.valid_until, outbound_message.id LIMIT
  %(param_1)s::INTEGER FOR UPDATE OF outbound_message SKIP LOCKED;

SELECT provider_lane.paused_until FROM provider_lane WHERE provider_lane.paused_until > %(after)s::BIGINT AND (EXISTS
  (SELECT * FROM outbound_message WHERE outbound_message.provider = provider_lane.provider AND outbound_message.status
  IN ('queued', 'sending') AND outbound_message.status = 'queued')) ORDER BY provider_lane.paused_until LIMIT
  %(param_1)s::INTEGER;

SELECT simulator_message.bucket, simulator_message.msisdn, simulator_message.seq, simulator_message.message_id,
  simulator_message.report FROM simulator_message WHERE simulator_message.report_due_at <= %(now)s::BIGINT AND NOT
  (EXISTS (SELECT * FROM outbound_message WHERE outbound_message.bucket = simulator_message.bucket AND
  outbound_message.msisdn = simulator_message.msisdn AND outbound_message.id = simulator_message.message_id AND
  outbound_message.status = %(status_1)s::VARCHAR)) ORDER BY simulator_message.report_due_at, simulator_message.seq
  LIMIT %(most)s FOR UPDATE SKIP LOCKED;
