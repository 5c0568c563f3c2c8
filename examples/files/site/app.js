// Says how the script itself came here.
const entry = performance.getEntriesByName(document.currentScript.src)[0];
const bytes = entry ? `${entry.encodedBodySize} bytes for ${entry.decodedBodySize}` : "nothing known";
document.getElementById("said").textContent = `app.js: ${bytes}`;
// Some lines that compress well, so that the sibling is worth its name:
const rows = [
  { name: "status", told: "once" },
  { name: "length", told: "once" },
  { name: "validators", told: "once" },
  { name: "ranges", told: "once" },
  { name: "conditions", told: "once" },
  { name: "codings", told: "once" },
];
console.table(rows);
