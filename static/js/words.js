// What scripts say, in the reader's language: the page tells the words (portal/views/script_words.py).
(() => {
  const words = JSON.parse(document.getElementById("words").textContent);
  const language = document.documentElement.lang;
  const plural = new Intl.PluralRules(language);
  const number = (value, digits) => value.toLocaleString(language, { useGrouping: false, ...(digits !== undefined && { minimumFractionDigits: digits, maximumFractionDigits: digits }) });

  // `values` fill the gaps; by `count` the plural is chosen where there is one.
  window.deskSay = (key, values = {}) => {
    const text = words[key] ?? words[`${key}.${plural.select(values.count)}`];
    return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  };
  // A number for people: with `digits` places, or with those that it has.
  window.deskNumber = number;
})();
