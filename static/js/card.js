/* Sends the card from its field to the card processor, then the name it got there to us. */
(() => {
  const form = document.getElementById("card-form");
  const problem = document.getElementById("card-problem");
  const button = form.querySelector("button[type=submit]");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const say = (text) => {
    problem.textContent = text;
    problem.hidden = !text;
  };

  if (typeof Stripe === "undefined") {
    say("The card field could not be loaded. Check your connection and reload the page.");
    return;
  }

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const style = () => ({
    base: { color: colour("--ink"), iconColor: colour("--ink-soft"), fontSize: "16px", "::placeholder": { color: colour("--ink-soft") } },
    invalid: { color: colour("--error"), iconColor: colour("--error") },
  });

  const stripe = Stripe(form.dataset.key);
  const card = stripe.elements().create("card", { style: style() });
  card.mount("#card-element");
  card.on("change", (event) => say(event?.error?.message ?? ""));
  // The field lies in a frame of its own, which does not see our colours change.
  dark.addEventListener("change", () => card.update?.({ style: style() }));
  button.disabled = false;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    say("");
    const { error, setupIntent } = await stripe.confirmCardSetup(form.dataset.secret, { payment_method: { card } });
    if (error) {
      // What Stripe says to the customer is shown; what it says to programmers is not.
      const spoken = ["card_error", "validation_error"].includes(error.type) || error.code === "card_declined";
      say((spoken && error.message) || "The card was not accepted. Check its number, its date and its security code, or use another card.");
      button.disabled = false;
      return;
    }
    form.elements.setup_intent.value = setupIntent.id;
    form.submit();
  });

  // Back from the next page: the button would still be asleep.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
