// Starts the page.

import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/frame.css';
import './style/lists.css';
import './style/people.css';
import './style/login.css';
import './style/chat.css';
import './style/composer.css';
import './style/document.css';
import './style/dialog.css';
import './style/devices.css';
import './style/firm.css';
import './style/office.css';
import './style/waits.css';
import './style/ratings.css';
import { render } from 'preact';
import { Root } from './views/root';

render(<Root />, document.body);
