// Prints the trailers of a response as node's http client sees them.
const http = require('node:http');

http.get(process.argv[2], { headers: { te: 'trailers' } }, (response) => {
  response.resume();
  response.on('end', () => console.log(JSON.stringify(response.trailers)));
});
