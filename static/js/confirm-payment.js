/* Has the bank ask the customer its question, then has us ask the bank what became of the payment. */
(() => {
  const button = document.getElementById("confirm-payment");
  const problem = document.getElementById("confirm-problem");
  const { key, secret, paymentMethod } = button.dataset;

  button.hidden = false;
  button.addEventListener("click", async () => {
    if (typeof Stripe === "undefined") {
      problem.textContent = "Your bank's question could not be loaded. Check your connection and reload the page.";
      problem.hidden = false;
      return;
    }
    button.disabled = true;
    await Stripe(key).confirmCardPayment(secret, paymentMethod ? { payment_method: paymentMethod } : undefined);
    // Whatever came of it, only the bank's own word counts.
    document.getElementById("check-payment").submit();
  });
})();
