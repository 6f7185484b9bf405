/* live-client.ts: the realtime connection of the administration, in a part of its own: it is only fetched once a view
 * wants to be live. */
import { Centrifuge } from 'centrifuge';
import type { LiveClient } from './live.ts';

export function openClient(): LiveClient {
  const url = `${location.origin.replace(/^http/, 'ws')}/connection/websocket`;
  const client = new Centrifuge(url, { name: 'admin' });
  return {
    wake: () => {
      if (client.state === 'disconnected') client.connect();
    },
    subscribe: (channel, { onData, onSubscribed, onLost }) => {
      const subscription = client.newSubscription(channel);
      subscription.on('publication', ({ data }) => onData(data));
      subscription.on('subscribed', onSubscribed);
      subscription.on('subscribing', onLost);
      subscription.on('unsubscribed', onLost);
      subscription.subscribe();
      return () => {
        subscription.removeAllListeners();
        client.removeSubscription(subscription);
      };
    },
  };
}
