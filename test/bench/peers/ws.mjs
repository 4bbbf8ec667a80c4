// The npm library `ws` as a server: what a connection to /publish sends is sent to all the others.
// Prints its port.

import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: false });
server.on('connection', (socket, request) => {
  if (request.url !== '/publish')
    return;
  socket.on('message', data => {
    for (const client of server.clients)
      if (client !== socket)
        client.send(data, { binary: false });
  });
});
http.listen(0, '127.0.0.1', 1024, () => console.log(http.address().port));
