// Counts down the minutes that a number is held; without it the page says until when. At the end the page is loaded
// again, and says what has become of the number.
"use strict";

for (const time of document.querySelectorAll("time[data-countdown]")) {
  const end = new Date(time.dateTime).getTime();
  const clock = time.textContent;
  const left = () => Math.round((end - Date.now()) / 1000);
  // A clock that was moved, or one that is wrong, has no minutes to count.
  if (left() > 15 * 60 + 5 || left() <= 0) continue;
  const timer = setInterval(show, 1000);
  function show() {
    const seconds = left();
    if (seconds <= 0) {
      clearInterval(timer);
      // Asked for anew, also where the page answered a form.
      location.replace(location.href);
      return;
    }
    time.textContent = `${clock} (${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left)`;
  }
  show();
}
