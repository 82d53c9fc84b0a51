// What the peers in JavaScript share: the numbers of topics, and which messages were published already. They have no
// history, no access rules and no limits.

const numbers = new Map();
const published = new Map();

/** The frame of a new message, or null for a duplicate. */
export function message(user, { topic, messageId, payload }) {
  let ids = published.get(user);
  if (!ids) published.set(user, (ids = new Set()));
  if (ids.has(messageId)) return null;
  ids.add(messageId);
  const seqNo = (numbers.get(topic) ?? 0) + 1;
  numbers.set(topic, seqNo);
  return JSON.stringify({ type: "message", topic, seqNo, messageId, data: payload });
}

export const ack = (messageId, isNew) => JSON.stringify({ type: "ack", messageId, status: isNew ? "ok" : "duplicate" });
export const subscribed = (topic) => JSON.stringify({ type: "subscribed", topic });
export const unsubscribed = (topic) => JSON.stringify({ type: "unsubscribed", topic });
export const ready = JSON.stringify({ type: "ready" });
