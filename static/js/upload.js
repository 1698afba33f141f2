// A form with a file goes up with a bar of progress. Without this script it goes up as any form does.
(() => {
  const size = (bytes) => new Intl.NumberFormat(document.documentElement.lang || "en", {
    style: "unit", unit: bytes < 1e6 ? "kilobyte" : "megabyte", maximumFractionDigits: 1,
  }).format(bytes / (bytes < 1e6 ? 1e3 : 1e6));

  document.addEventListener("submit", (event) => {
    const form = event.target;
    const bar = form.querySelector("[data-upload]");
    if (!bar) return;
    event.preventDefault();
    if (form.dataset.isSending) return; // a double click
    form.dataset.isSending = "yes";
    const word = bar.querySelector("[data-upload-word]");
    const progress = bar.querySelector("progress");
    const request = new XMLHttpRequest();
    request.open("POST", form.getAttribute("action") || location.href);
    request.setRequestHeader("X-Upload", "yes");
    bar.hidden = false;
    word.textContent = "";

    request.upload.addEventListener("progress", (now) => {
      if (!now.lengthComputable) return;
      progress.value = now.loaded / now.total;
      word.textContent = bar.dataset.of.replace("{done}", size(now.loaded)).replace("{all}", size(now.total));
    });
    request.upload.addEventListener("load", () => {
      progress.removeAttribute("value"); // how long the rest takes nobody knows
      word.textContent = bar.dataset.checking;
    });
    const end = (text) => {
      delete form.dataset.isSending;
      progress.value = 0;
      word.textContent = text;
      bar.hidden = !text;
    };
    request.addEventListener("abort", () => end(""));
    request.addEventListener("error", () => end(bar.dataset.failed));
    request.addEventListener("load", () => {
      const to = request.getResponseHeader("X-Leads-To");
      if (to) return void location.assign(to);
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      const answer = page.getElementById("main");
      const isSentence = request.getResponseHeader("Content-Type")?.startsWith("text/plain"); // too large, say
      if (request.status >= 400 || !answer) return end(isSentence ? request.responseText : bar.dataset.failed);
      const chosen = form.querySelector("input[type=file]").files; // the form comes back with its errors, and keeps its file
      document.getElementById("main").replaceWith(answer);
      const file = answer.querySelector("input[type=file]");
      if (file && chosen.length) file.files = chosen;
      (answer.querySelector("[aria-invalid=true]") || answer).focus();
    });
    bar.querySelector("[data-upload-stop]").onclick = () => request.abort();
    request.send(new FormData(form));
  });
})();
