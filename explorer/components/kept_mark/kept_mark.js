// Sets a cookie without contents, which the server reads when the page is opened again.

const YEAR = 365 * 24 * 3600; // s

export default function ({ data }) {
  document.cookie = `${data.name}=1; max-age=${YEAR}; path=/; samesite=lax`;
}
