// Starts the page.

import './style.css';
import { render } from 'preact';
import { Root } from './views/root';

render(<Root />, document.body);
